-- Databricks notebook source
-- person sailor
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.decks') AS
SELECT deck, round(avg(hours), 1) AS hours FROM creator.ship.watch GROUP BY deck HAVING count(DISTINCT sailor) >= 20;
