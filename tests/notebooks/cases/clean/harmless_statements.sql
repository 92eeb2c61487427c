-- Databricks notebook source
SHOW TABLES IN creator.care;
-- COMMAND ----------
DESCRIBE TABLE creator.care.visits;
-- COMMAND ----------
SET ANSI_MODE = true;
DECLARE VARIABLE since DATE DEFAULT '2026-01-01';
DROP VIEW IF EXISTS wards;
-- COMMAND ----------
EXPLAIN SELECT ward FROM creator.care.visits;
