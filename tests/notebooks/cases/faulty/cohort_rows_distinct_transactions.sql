-- Databricks notebook source
-- expect COHORT_ROWS: CREATE OR REPLACE TABLE
USE CATALOG IDENTIFIER(:cr_output_catalog);
USE SCHEMA IDENTIFIER(:cr_output_schema);
CREATE OR REPLACE TABLE segments AS
SELECT merchant, sum(amount) AS amount
FROM creator.signals.transactions
GROUP BY merchant
HAVING count(DISTINCT transaction_id) > 99;
