//! The page of devices that wait for what they are to have.

texts! {
    TITLE = "First sync";
    LEAD = "Devices that a person waits in front of: what each is to have before work begins, what has not arrived, and what helps.";
    GOING_ON = "Going on";
    FAILED = "Failed";
    NOBODY_WAITS = "No device waits. A device appears here when it enrolls and something is expected of it: by the settings ([provisioning]) or by a plan for one device (transom device provisioning).";
    NOTHING_FAILED = "No device has failed.";
    THE_DEVICE = "The device";
    USER = "User";
    SINCE = "since";
    GIVES_UP = "gives up";
    ARE_THERE = "are there";
    OF = "of";
    STUCK_AT = "Stuck at";
    WHY = "Why";
    HELPS = "What helps";
    NOTHING_STUCK = "Nothing is waited for.";
}
