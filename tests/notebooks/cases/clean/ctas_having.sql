-- Databricks notebook source
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.segments') AS
SELECT merchant, txn_band, avg(CAST(fraud AS DOUBLE)) AS rate
FROM creator.signals.transactions t JOIN collaborator.bank.accounts a ON t.card_token = a.card_token
GROUP BY merchant, txn_band
HAVING count(DISTINCT t.person_token) >= 100 AND count(DISTINCT a.person_token) >= 100;
