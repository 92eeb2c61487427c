-- Databricks notebook source
-- expect CURRENT_USER_SALT: sha1(
CREATE OR REPLACE TEMP VIEW t AS
SELECT sha1(session_user() || account_number) AS account_token FROM collaborator.bank.accounts;
