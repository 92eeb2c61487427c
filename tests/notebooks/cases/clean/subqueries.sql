-- Databricks notebook source
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.shares') AS
SELECT c.ward, c.people / t.people AS share
FROM (SELECT ward, count(DISTINCT patient_id) AS people FROM creator.care.visits GROUP BY ward) c
CROSS JOIN (SELECT count(DISTINCT patient_id) AS people FROM creator.care.visits) t
WHERE c.people >= 100 AND t.people >= 100;
