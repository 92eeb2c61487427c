-- Databricks notebook source
-- expect RAW_IDENTIFIER: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.spenders') AS
SELECT card_token, sum(amount) AS amount FROM creator.signals.transactions
GROUP BY card_token HAVING count(DISTINCT person_token) >= 100;
