-- Databricks notebook source
-- identifier crew_badge
-- person sailor
-- expect RAW_IDENTIFIER: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.decks') AS
SELECT deck, min(crew_badge) AS first_badge FROM creator.ship.watch GROUP BY deck HAVING count(DISTINCT sailor) >= 20;
