//! The page of the audit log.

texts! {
    TITLE = "Audit log";
    LEAD = "Every change and every look at a secret, newest first: who, what, when, from where. Each entry is chained to the one before.";
    WHAT_HINT = "device. or device.block";
    TO_WHAT = "To what";
    VERIFY_THE_CHAIN = "Verify the chain";
    EXPORT_AS_CSV = "Export as CSV";
    EXPORT_AS_JSON_LINES = "Export as JSON lines";
    WHOLE = "The record is whole.";
    ENTRIES = "Entries";
    ARE_THERE = "are there, each as it was written. Who keeps this hash elsewhere can prove later that nothing before it was changed:";
    NOT_WHOLE = "The record is not whole.";
    ENTRY = "Entry";
    IS_MISSING = "is missing, or not as it was written.";
    CHANGED_OUTSIDE = "Somebody changed it outside of the server: compare it with a backup or an earlier export.";
    NOTHING_FITS = "Nothing fits. Names are whole; an action that ends in a dot, such as";
    NOTHING_FITS_DOT = ", means all that begin so.";
    NOTHING_SO_FAR = "Nothing fits among those that were looked at. There are older ones:";
    NOTHING_YET = "Nothing was done yet.";
    BEFORE_AND_AFTER = "Before and after";
    NUMBER = "number";
    BEFORE = "before";
    AFTER = "after";
}
