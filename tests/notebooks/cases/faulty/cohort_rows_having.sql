-- Databricks notebook source
-- expect COHORT_ROWS: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.segments') AS
SELECT merchant, sum(amount) AS amount
FROM creator.signals.transactions
GROUP BY merchant
HAVING count(*) >= 100;
