-- Databricks notebook source
-- Tokens with a key that nobody here sees.
CREATE OR REPLACE TEMP VIEW tokens AS
SELECT lower(hex(hmac(secret('consortium', 'card_key'), regexp_replace(card_number, '[^0-9]', ''), 'SHA-256'))) AS card_token,
       merchant
FROM creator.gold.cards
WHERE sharing_consent_flag = 'CONSORTIUM_ELIGIBLE';
