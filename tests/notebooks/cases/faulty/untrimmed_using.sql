-- Databricks notebook source
-- expect UNTRIMMED_KEY: JOIN collaborator
CREATE OR REPLACE TEMP VIEW j AS
SELECT a.segment, b.person_token FROM creator.crm.customers a
JOIN collaborator.crm.customers b USING (email);
