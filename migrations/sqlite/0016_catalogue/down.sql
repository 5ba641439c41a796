DROP TABLE csp_state;
DROP TABLE csp_templates;
DROP TABLE csp_drops;
