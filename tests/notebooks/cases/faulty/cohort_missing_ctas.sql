-- Databricks notebook source
-- expect COHORT_MISSING: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.segments') AS
SELECT merchant, avg(CAST(fraud AS DOUBLE)) AS rate
FROM creator.signals.transactions
GROUP BY merchant;
