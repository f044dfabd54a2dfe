// A certificate for 127.0.0.1, signed by itself, and the settings with which the server has it.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export async function withCertificate(run) {
  const directory = await mkdtemp(join(tmpdir(), 'slipstream-tls-'));
  const [TLS_CERTIFICATE, TLS_KEY] = ['certificate.pem', 'key.pem'].map((file) => join(directory, file));
  try {
    await promisify(execFile)('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=slipstream',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', TLS_KEY, '-out', TLS_CERTIFICATE,
    ]);
    await run({ TLS_CERTIFICATE, TLS_KEY });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
