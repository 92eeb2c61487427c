-- Databricks notebook source
-- expect UNTRIMMED_KEY: WHERE phone
CREATE OR REPLACE TEMP VIEW j AS
SELECT segment FROM creator.crm.customers
WHERE phone IN (SELECT phone FROM collaborator.crm.customers);
