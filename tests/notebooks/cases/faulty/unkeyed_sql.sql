-- Databricks notebook source
-- expect UNKEYED_HASH: sha2(lower
-- expect UNKEYED_HASH: md5(phone
-- expect UNKEYED_HASH: xxhash64(
CREATE OR REPLACE TEMP VIEW t AS
SELECT
  sha2(lower(trim(email)), 256) AS email_hash,
  md5(phone_number) AS phone_hash,
  xxhash64(patient_id) AS p
FROM creator.care.patients;
