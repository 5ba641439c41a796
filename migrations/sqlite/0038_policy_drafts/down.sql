DROP TABLE policy_web_revisions;
DROP TABLE policy_drafts;
