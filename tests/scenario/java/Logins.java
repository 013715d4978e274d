/* SPDX-License-Identifier: Apache-2.0 */
import java.io.IOException;
import java.security.AuthProvider;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.ProviderException;
import java.security.Security;
import java.security.Signature;
import javax.security.auth.login.LoginException;

/** Claim: logins come and go, and providers with them, as often as a program likes. */
final class Logins {
	public static void main(String[] args) throws Exception
	{
		Token token = new Token(args[0], args[1]);
		AuthProvider provider = (AuthProvider) token.provider;

		Claims.refused("a wrong PIN", IOException.class, () -> {
			KeyStore store = KeyStore.getInstance("PKCS11", provider);
			store.load(null, "not the PIN".toCharArray());
		});
		Claims.claim("is told apart from other failures", () -> {
			try {
				KeyStore.getInstance("PKCS11", provider).load(null, "not the PIN".toCharArray());
			} catch (IOException e) {
				Claims.hold(Claims.causes(e).contains("CKR_PIN_INCORRECT"), Claims.causes(e));
				return;
			}
			throw new AssertionError("not refused");
		});
		Claims.claim("the right PIN", () -> sign(token.login()));

		PrivateKey before = token.privateKey("rsa");
		Claims.claim("logout", provider::logout);
		Claims.claim("after it, no private key is used", () -> {
			try {
				sign(token, before);
			} catch (GeneralSecurityException | ProviderException e) {
				return;
			}
			throw new AssertionError("the key still signs");
		});
		for (int i = 2; i <= 4; i++)
			Claims.claim("login number " + i, () -> {
				sign(token.login());
				provider.logout();
			});

		Claims.claim("a second provider on the same module", () -> {
			Token other = new Token(args[2], args[1]);
			sign(other.login());
			((AuthProvider) other.provider).logout();
		});
		Claims.claim("the provider removed, and added again", () -> {
			for (int i = 0; i < 3; i++) {
				Security.addProvider(provider);
				sign(token.login());
				provider.logout();
				Security.removeProvider(provider.getName());
			}
		});
		Claims.refused("after the last logout the PIN is asked for again", LoginException.class, () -> {
			provider.login(null, callbacks -> { throw new IOException("asked for the PIN"); });
		});
	}

	private static void sign(Token token) throws Exception
	{
		sign(token, token.privateKey("rsa"));
	}

	private static void sign(Token token, PrivateKey key) throws Exception
	{
		Signature ours = Signature.getInstance("SHA256withRSA", token.provider);
		ours.initSign(key);
		ours.update(new byte[10]);
		ours.sign();
	}
}
