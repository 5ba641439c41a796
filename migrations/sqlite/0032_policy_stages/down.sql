DROP TABLE policy_retries;
DROP TABLE policy_stages;
