//! What people see who sign in to enroll their computer.

texts! {
    SIGNED_IN = "Signed in";
    YOU_ARE_SIGNED_IN = "You are signed in.";
    CONTINUE = "Continue";
    NOT_SIGNED_IN = "Not signed in";
    YOU_ARE_NOT_SIGNED_IN = "You are not signed in";
    THE_REASON = "The reason:";
    WHAT_HELPS = "What helps:";
    REQUEST = "Request";
    TERMS_OF_USE = "Terms of use";
    ACCEPT = "Accept";
    DECLINE = "Decline";
}
