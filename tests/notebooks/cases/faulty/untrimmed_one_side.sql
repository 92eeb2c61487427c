-- Databricks notebook source
-- expect UNTRIMMED_KEY: ON trim(
CREATE OR REPLACE TEMP VIEW j AS
SELECT a.segment FROM creator.crm.customers a, collaborator.crm.orders c
JOIN collaborator.crm.customers b
  ON trim(a.phone_number) = b.phone_number;
