-- Databricks notebook source
-- expect COHORT_BYPASSED: CREATE TABLE
-- a hundred people in the merchant say nothing about merchant and hour
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.hours') AS
WITH big AS (
  SELECT merchant FROM creator.signals.transactions GROUP BY merchant HAVING count(DISTINCT person_token) >= 100
)
SELECT t.merchant, t.hour, sum(t.amount) AS amount
FROM creator.signals.transactions t JOIN big b ON t.merchant = b.merchant
GROUP BY t.merchant, t.hour;
