//! The pages before signing in, and of the own account.

texts! {
    YOUR_ACCOUNT = "Your account";
    YOU_ARE_SIGNED_IN_AS = "You are signed in as";
    WITH_THE_ROLE = "with the role";
    YOU_MAY = ". You may:";
    PASSWORD = "Password";
    NEW_PASSWORD_NOTE = "A new password signs you out everywhere else, and takes back the tokens that you made.";
    PRESENT_PASSWORD = "Present password";
    NEW_PASSWORD = "New password";
    THE_SAME_AGAIN = "The same again";
    CHANGE_PASSWORD = "Change password";
    AUTHENTICATOR = "Authenticator";
    AUTHENTICATOR_ON = "Signing in asks for a code of your authenticator.";
    USE_IT_NO_LONGER = "Use it no longer";
    USE_AUTHENTICATOR = "Use an authenticator";
    USE_AUTHENTICATOR_WHY = ", so that your password alone opens nothing.";
    SIGN_OUT_EVERYWHERE = "Sign out everywhere";
    TYPE_THE_SECRET = "Type this secret into your authenticator, or";
    OPEN_THE_SECRET = "open it on this machine";
    CODE_NOW = "The code that it shows now";
    YOUR_PASSWORD = "Your password";
    USE_IT = "Use it";
    BACK = "Back";
    WELCOME = "Welcome";
    WELCOME_TO_TRANSOM = "Welcome to Transom";
    LINK_IS_FOR = "This link is good once, for an account with the role";
    SIGN_IN_OR_CHOOSE = "Sign in at your organization, or choose";
    CHOOSE = "Choose";
    A_PASSWORD = "a password of at least eight characters.";
    YOUR_NAME_IS = "Your name is";
    NAME_TO_SIGN_IN = "Name, with which you will sign in";
    COME_IN = "Come in";
    SIGN_IN_WITH_AN_ACCOUNT = "Sign in with an account";
    RECOVERY_CODES = "Recovery codes";
    RECOVERY_LEAD = "Your authenticator is in use. When it is lost, each of these codes lets you in once in its place. They are not shown again: print them, or keep them where you keep passwords.";
    I_HAVE_KEPT_THEM = "I have kept them";
    SIGN_IN = "Sign in";
    SIGN_IN_TO_TRANSOM = "Sign in to Transom";
    NOT_SIGNED_IN = "Not signed in:";
    OR_WITH_A_PASSWORD = "Or with a password";
    CODE = "Code of your authenticator, if you use one";
    CODE_HINT = "Six digits, or one of your recovery codes.";
    NO_ACCOUNT = "No account yet, or the password is lost? An administrator makes a link for you:";
    NO_ACCOUNT_FIRST = "on the server's machine makes one for the first.";
}
