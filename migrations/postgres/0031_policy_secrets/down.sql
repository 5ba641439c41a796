DROP TABLE policy_secret_nodes;
DROP TABLE policy_secrets;
