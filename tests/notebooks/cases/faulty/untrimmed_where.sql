-- Databricks notebook source
-- expect UNTRIMMED_KEY: WHERE a.card_number
CREATE OR REPLACE TEMP VIEW j AS
SELECT a.segment, b.person_token FROM creator.crm.cards a, collaborator.crm.cards b
WHERE a.card_number = b.card_number AND a.country = 'DE';
