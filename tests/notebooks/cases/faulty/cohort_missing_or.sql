-- Databricks notebook source
-- expect COHORT_MISSING: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.segments') AS
SELECT merchant, sum(amount) AS amount
FROM creator.signals.transactions
GROUP BY merchant
HAVING count(DISTINCT person_token) >= 100 OR merchant = 'casino';
