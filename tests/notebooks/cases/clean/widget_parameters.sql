-- Databricks notebook source
CREATE TABLE ${cr_output_catalog}.${cr_output_schema}.wards AS
SELECT ward, avg(cost) AS cost FROM creator.care.visits
GROUP BY ward HAVING COUNT(DISTINCT Patient_ID) >= greatest(:minimum, 100);
