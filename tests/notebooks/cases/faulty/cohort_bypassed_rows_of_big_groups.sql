-- Databricks notebook source
-- expect COHORT_BYPASSED: CREATE TABLE
-- only big groups, but each of their rows
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.visits') AS
SELECT v.ward, v.cost, v.day FROM creator.care.visits v
WHERE v.ward IN (SELECT ward FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 100);
