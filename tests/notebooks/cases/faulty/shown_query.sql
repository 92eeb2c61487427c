-- Databricks notebook source
-- expect OUTPUT_SHOWN: SELECT ward
-- expect OUTPUT_SHOWN: WITH x AS
-- MAGIC %md
-- MAGIC What is in there?
-- COMMAND ----------
SELECT ward, count(*) FROM creator.care.visits GROUP BY ward;
-- COMMAND ----------
WITH x AS (SELECT 1 AS one) SELECT ward, day FROM x CROSS JOIN creator.care.visits
