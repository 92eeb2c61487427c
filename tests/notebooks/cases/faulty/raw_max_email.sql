-- Databricks notebook source
-- expect RAW_IDENTIFIER: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.examples') AS
SELECT merchant, max(email) AS example FROM creator.signals.customers
GROUP BY merchant HAVING count(DISTINCT customer_id) >= 100;
