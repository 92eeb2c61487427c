-- Databricks notebook source
-- expect SECRET_IN_TEXT: hmac(
-- expect SECRET_IN_TEXT: DECLARE VARIABLE
DECLARE VARIABLE token_salt STRING DEFAULT 'a9f0c3';
-- COMMAND ----------
CREATE OR REPLACE TEMP VIEW t AS SELECT hmac('a9f0c3', trim(card_number), 'SHA-256') AS card_token FROM creator.signals.cards;
