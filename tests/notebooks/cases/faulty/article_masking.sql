-- Databricks notebook source
-- expect UDF: CREATE FUNCTION
-- expect CURRENT_USER_SALT: SHA2(CONCAT
-- expect NOT_READ: CREATE ROW ACCESS POLICY
-- expect NOT_READ: ADD ROW ACCESS POLICY
-- expect NOT_READ: SET MASKING POLICY
CREATE FUNCTION fraud.security.tokenise(card_number STRING) RETURNS STRING
RETURN SHA2(CONCAT(card_number, current_user()), 256);
-- COMMAND ----------
CREATE ROW ACCESS POLICY consortium_only AS (flag STRING) RETURN flag = 'CONSORTIUM_ELIGIBLE';
-- COMMAND ----------
ALTER TABLE fraud.gold.transactions ADD ROW ACCESS POLICY consortium_only ON (sharing_consent_flag);
-- COMMAND ----------
ALTER TABLE fraud.gold.transactions ALTER COLUMN card_number SET MASKING POLICY pan_mask;
