//! The page of settings.

texts! {
    LEAD = "What holds on this instance, without secrets. To change one, edit";
    LEAD_RESTART = "or the environment and restart the server.";
    WHICH_SETTINGS = "Which settings";
    ONLY_SET = "Only what somebody has set";
    AT_THE_TOP = "At the top";
    WHAT_IT_IS_FOR = "What it is for";
    DEFAULT = "default";
    NOTHING_SET = "Nobody has set anything: every value is the default.";
    NOT_KNOWN = "The settings are not known here.";
}
