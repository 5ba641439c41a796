// The OpenID Connect provider that tests sign in at: `oidc-provider`, a certified implementation, as it comes, with its
// own pages. Anybody may sign in by any name and password; who is called ada may enroll, and runs the server, and bob
// helps. Of whoever is called stray or late it gives a token that is for somebody else, or too old.
//
// node provider.mjs PORT CERTIFICATE KEY REDIRECT_URI...

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { SignJWT, decodeJwt } from 'jose';
import { Provider } from 'oidc-provider';

const [port, certificate, tlsKey, ...redirectUris] = process.argv.slice(2);

const client = (id, more) => ({
  client_id: id,
  redirect_uris: redirectUris,
  grant_types: ['authorization_code'],
  response_types: ['code'],
  ...more,
});

// One key for each way of signing that the server takes.
const privateKeys = {};
const key = (type, alg) => {
  const { privateKey } = generateKeyPairSync(type, { modulusLength: 2048, namedCurve: 'P-256' });
  privateKeys[alg] = privateKey;
  return { ...privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' };
};

const provider = new Provider(`https://localhost:${port}`, {
  clients: [
    client('transom', { client_secret: 'a+secret/with=signs' }),
    client('transom-post', { client_secret: 'another secret', token_endpoint_auth_method: 'client_secret_post' }),
    client('transom-public', { token_endpoint_auth_method: 'none' }),
    client('transom-ps256', { client_secret: 'a+secret/with=signs', id_token_signed_response_alg: 'PS256' }),
    client('transom-es256', { client_secret: 'a+secret/with=signs', id_token_signed_response_alg: 'ES256' }),
  ],
  jwks: { keys: [key('rsa', 'RS256'), key('rsa', 'PS256'), key('ec', 'ES256')] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256'] },
  claims: {
    openid: ['sub'],
    profile: ['preferred_username', 'groups', 'given_name', 'department'],
    email: ['email', 'email_verified'],
  },
  findAccount: (_, login) => ({
    accountId: login,
    claims: () => ({
      sub: login,
      preferred_username: login,
      groups: { ada: ['staff', 'enrollers', 'admins'], bob: ['staff', 'desk'] }[login.slice(0, 3)] ?? ['staff'],
      ...(login.startsWith('ada') ? { given_name: 'Ada', department: 'R & D' } : {}),
      email: login,
      email_verified: login.startsWith('ada'),
    }),
  }),
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ['of no consequence'] },
});

// What a provider should never do, signed with its own key.
const lies = {
  stray: { aud: 'somebody else' },
  late: { exp: Math.floor(Date.now() / 1000) - 3600, iat: Math.floor(Date.now() / 1000) - 7200 },
};
provider.use(async (ctx, next) => {
  await next();
  const claims = ctx.path === '/token' && ctx.body?.id_token ? decodeJwt(ctx.body.id_token) : {};
  const lie = lies[claims.sub?.split('@')[0]];
  if (lie) {
    const token = new SignJWT({ ...claims, ...lie }).setProtectedHeader({ alg: 'RS256', kid: 'RS256' });
    ctx.body.id_token = await token.sign(privateKeys.RS256);
  }
});

provider.on('server_error', (_, error) => console.error(error));

const tls = { cert: readFileSync(certificate), key: readFileSync(tlsKey) };
createServer(tls, provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
