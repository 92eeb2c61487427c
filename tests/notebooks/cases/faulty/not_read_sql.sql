-- Databricks notebook source
-- expect NOT_READ: SELEKT
-- expect NOT_READ: EXECUTE IMMEDIATE
-- expect NOT_READ: GRANT
-- expect NOT_READ: SELECT 'open
SELEKT ward FRM visits GROUP;
-- COMMAND ----------
EXECUTE IMMEDIATE 'DROP TABLE x';
-- COMMAND ----------
GRANT SELECT ON TABLE creator.care.visits TO `everybody`;
-- COMMAND ----------
SELECT 'open
