-- Databricks notebook source
USE CATALOG IDENTIFIER(:cr_output_catalog);
USE SCHEMA IDENTIFIER(:cr_output_schema);
CREATE TABLE wards AS
SELECT ward, count(DISTINCT patient_id) AS people FROM creator.care.visits GROUP BY 1 HAVING people > 99;
CREATE TABLE totals AS SELECT sum(people) AS people FROM wards;
