//! What several pages say.

texts! {
    OLDER = "Older";
    MORE = "More";
    ALL = "All";
    SHOW_ALL = "Show all";
    SEARCH = "Search";
    WHEN = "When";
    DEVICE = "Device";
    NAME = "Name";
    ROLE = "Role";
    STATE = "State";
    MADE = "Made";
    LAST_USED = "Last used";
    ENDS = "Ends";
    NEVER = "never";
    CHANGE = "Change";
    BY = "by";
    NOT_DONE = "Not done:";
    SHOWN_ONCE = "It is shown this once. Keep it where only those can see it who need it.";
}
