//! The pages of policies.

texts! {
    NOTHING_YET = "Nothing is published yet.";
    ALL_LOOKED_AT = "All devices were looked at since the last change.";
    LOOKED_AT = "devices were looked at since the last change.";
    PUBLISH_FIRST = "Write what devices are to have as declarations, and publish them:";
    TYPE = "Type";
    SET = "Set";
    REVISION = "Revision";
    CHANGED = "Changed";
    OF_THE_SET = "of the set";
    PUBLISHED_WITH = ", as it was published with revision";
    DEVICES_BY_STATE = "Devices by state";
    THERE_IS_NONE = "There is none.";
    BECAUSE = "Because";
    WHAT_IT_SAYS = "What it says";
    VERIFIED = "Verified";
    NOT_VERIFIABLE = "can't be verified";
    IS_WANTED = "Wanted:";
    IS_THERE = "on the device:";
    NOTHING = "nothing";
    THE_ANSWER = "answer";
    REMOVED = "removed";
}
