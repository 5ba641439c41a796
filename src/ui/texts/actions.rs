//! The pages that ask before something is done to a device, and before a recovery key is shown.

texts! {
    NOT_POSSIBLE_NOW = "This is not possible now:";
    BACK_TO_THE_DEVICE = "Back to the device";
    NOT_ASKED = "Not asked:";
    TYPE_THE_NAME = "Type the name of the device to confirm";
    OR_ITS_ID = ", or its id";
    NOT_ITS_NAME = "this is not the name of the device, nor its id.";
    CANCEL = "Cancel";
    RECOVERY_KEY = "Recovery key";
    SHOW_KEY = "Show a recovery key?";
    KEY_THE = "The";
    HANDED_OVER = ", handed over";
    KEY_REPLACED = "It was replaced since: it may open nothing any more.";
    KEY_SEEN = "That you saw it, and why, is in the audit log. Rotate it when it was used.";
    NOT_SHOWN = "Not shown:";
    KEY_REASON = "Why do you need it?";
    KEY_REASON_NOTE = "Your name, the time and this reason are kept in the audit log.";
    SHOW_IT = "Show it";
}
