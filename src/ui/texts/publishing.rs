//! The pages of what is published: secrets and stages.

texts! {
    SECRETS = "Secrets of policies";
    SECRETS_LEAD = "Values of assets with secret: true. They are kept sealed and shown to nobody; devices that use one are sent it again when it changes.";
    NO_SECRETS = "No policy refers to a secret, and none has a value.";
    VERSION = "Version";
    SET = "Set";
    HAS_A_VALUE = "has a value";
    HAS_NO_VALUE = "has no value";
    NOT_PUBLISHED = "no such asset is published";
    REMOVE = "Remove";
    REMOVE_ASK = "Settings that need it are unresolved from then on. Devices keep what they have.";
    REMOVE_IT = "Remove the value";
    SET_A_VALUE = "Set a value";
    ASSET = "Asset";
    VALUE = "Value";
    VALUE_NOTE = "One line of text, or base64 where a node takes bytes. transom policy secret set takes files.";
    SET_IT = "Set it";
    STAGES = "Publishing in stages";
    STAGES_LEAD = "A revision goes to some devices first, and to the others when that went well.";
    NO_STAGES = "Nothing was published in stages.";
    REVISION = "Revision";
    OF_THE_SET = "of the set";
    SINCE = "in this stage since";
    FAILED = "failed";
    JUDGED = "said what became of it";
    WAITING = "have not said so yet";
    STOPS_AT = "It stops by itself when so many have failed:";
    WHEN_AT_LEAST = "once at least";
    HAVE_SAID = "have said what became of it.";
    RUNNING = "running";
    PAUSED = "paused";
    STOPPED = "stopped";
    DONE = "done";
    REPLACED = "replaced";
    ADVANCE = "Go on to the next stage";
    PAUSE = "Pause";
    RESUME = "Resume";
    RESUME_ALL_THE_SAME = "Go on all the same";
    RETRY = "Send again what failed";
    PUBLISHED = "It is published, and goes to the devices of its first stage from now on.";
    STOPPED_LEAD = "Too many devices have failed: it goes to no more.";
}
