//! The pages of the people who run the server, and of their tokens.

texts! {
    TITLE = "People";
    LEAD = "Who signs in here, and what they may do.";
    TAB_PEOPLE = "People";
    TAB_TOKENS = "Tokens of programs";
    SIGNS_IN_WITH = "Signs in with";
    PASSWORD = "password";
    TOTP = "authenticator";
    PROVIDER = "your organization";
    NOTHING = "nothing yet";
    LAST_SEEN = "Last signed in";
    ACTIVE = "may sign in";
    DISABLED = "may not sign in";
    DISABLE = "Disable";
    ENABLE = "Enable";
    RESET = "New password link";
    FORGET_TOTP = "Forget the authenticator";
    YOU = "you";
    CHANGE_OF = "Change this account";
    CHANGE_NOTE = "Another role and disabling sign the person out everywhere and take back tokens that they made.";
    NOBODY = "Nobody signs in yet. Make a link below and send it to a person.";
    INVITE = "Let somebody in";
    INVITE_NAME = "Name (they choose one where this stays empty)";
    INVITE_BUTTON = "Make a link";
    LINK = "Whoever opens this link comes in, once, for a day:";
    TOKENS = "Tokens of programs";
    TOKENS_LEAD = "With these, programs and the command line ask the API. A token may at most what its maker may.";
    NO_TOKENS = "There are no tokens. Make one below for a program that asks the API.";
    MAKE = "Make a token";
    MAKE_BUTTON = "Make it";
    FOR_WHAT = "What it is for";
    DAYS = "Good for days";
    DAYS_WRONG = "a token is good for 1 to 3650 days.";
    TOKEN = "The token is made:";
    REVOKE = "Take back…";
    REVOKE_IT = "Take it back";
    REVOKE_ASK = "The program that uses it gets no answer from then on, and neither does one with a token that it made.";
    LIVE = "good";
    ENDED = "ended";
    REVOKED = "taken back";
    LIMITED_TO = "limited to";
    DOES_NOT_END = "does not end";
}
