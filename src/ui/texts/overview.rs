//! The first page.

texts! {
    CALM = "Nothing needs your attention.";
    LEAD = "What needs your attention: the newest and the worst of each kind.";
    POLICIES = "Policies in trouble, and on how many devices";
    ALL_POLICIES = "All policies";
    UNKNOWN = "Commands whose outcome nobody knows";
    ALL_OF_THEM = "All of them";
    FAILED = "Commands that failed";
    REFUSED = "Refused identities";
    SILENT = "Silent for a week or longer";
    ENDING = "Certificates that end soon";
    ENDS = "ends";
    THE_LAST_SESSIONS = "The last sessions";
    NOTHING_YET = "No device has spoken yet. The";
    LIST_OF_DEVICES = "list of devices";
    NOTHING_YET_ENROLL = "says how to enroll one.";
}
