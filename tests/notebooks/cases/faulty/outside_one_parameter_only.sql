-- Databricks notebook source
-- expect OUTSIDE_OUTPUT: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.default.wards') AS
SELECT ward, avg(cost) AS cost FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 100;
