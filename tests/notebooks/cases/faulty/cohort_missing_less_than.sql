-- Databricks notebook source
-- expect COHORT_MISSING: CREATE TABLE
-- the sign is the wrong way round: only small groups get through
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.rare') AS
SELECT merchant, count(DISTINCT person_token) AS people
FROM creator.signals.transactions
GROUP BY merchant
HAVING count(DISTINCT person_token) <= 100;
