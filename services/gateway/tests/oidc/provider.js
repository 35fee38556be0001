// A provider of OpenID Connect for the gateway's tests: whoever logs in is who they say.
//
//   node provider.js PORT REDIRECT_URI
import Provider from 'oidc-provider';

const [port, redirectUri] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'tuntas',
      client_secret: 'a secret of the test, known to both sides',
      redirect_uris: [redirectUri],
    },
  ],
  pkce: { required: () => true },
  cookies: { keys: ['of the test'] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'roles'], email: ['email', 'email_verified'] },
  async findAccount(ctx, id) {
    return {
      accountId: id,
      // The roles are what an edge must not believe.
      claims: async () => ({
        sub: id,
        preferred_username: id,
        roles: ['patron', 'operator'],
        email: `${id}@riau.invalid`,
        email_verified: !id.startsWith('unverified'),
      }),
    };
  },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
