-- expect COHORT_MISSING: CREATE TABLE
-- expect RAW_IDENTIFIER: CREATE TABLE
-- expect UNTRIMMED_KEY: ON a.email
CREATE TABLE identifier(:cr_output_catalog || '.' || :cr_output_schema || '.overlap') AS
SELECT a.email FROM collaborator.ads.profiles a JOIN creator.shop.profiles b
ON a.email = b.email;
