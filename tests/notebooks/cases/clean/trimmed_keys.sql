-- Databricks notebook source
CREATE OR REPLACE TEMP VIEW both AS
SELECT a.segment, b.band, a.customer_id
FROM (SELECT trim(lower(email)) AS email, segment, customer_id FROM creator.crm.customers) a
JOIN collaborator.crm.customers b ON a.email = lower(trim(BOTH FROM b.email));
-- COMMAND ----------
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.segments') AS
SELECT segment, band, count(DISTINCT customer_id) AS people FROM both GROUP BY segment, band
HAVING count(DISTINCT customer_id) >= 100;
