import { expect, test } from '@jest/globals';
import { providerOf, thisMachine } from '../../src/storage/providers.ts';

test.each([
  ['file:/srv/backups', thisMachine],
  ['/srv/backups', thisMachine],
  ['local:/srv/backups', thisMachine],
  ['s3:http://127.0.0.1:9000/bucket', thisMachine],
  ['s3:http://[::1]:9000/bucket', thisMachine],
  ['sftp:root@localhost:/backups', thisMachine],
  ['s3:https://s3.eu-central-2.wasabisys.com/guestbook', 'wasabisys.com'],
  ['s3:https://s3.us-east-1.wasabisys.com/guestbook', 'wasabisys.com'],
  ['s3:s3.eu-central-1.amazonaws.com/bucket', 'aws'],
  ['s3:https://storage.googleapis.com/bucket', 'google'],
  ['gs:bucket:/prefix', 'google'],
  ['azure:container:/prefix', 'azure'],
  ['s3:https://s3.example.co.uk/bucket', 'example.co.uk'],
  ['s3:https://S3.Example.com./bucket', 'example.com'],
  ['s3:https://203.0.113.7:9000/bucket', '203.0.113.7'],
  ['s3:https://[2001:db8::7]:9000/bucket', '2001:db8::7'],
  ['sftp:u1234@u1234.your-storagebox.de:/home', 'your-storagebox.de'],
  ['sftp://backup@203.0.113.9:2222//srv/restic', '203.0.113.9'],
  ['rest:https://backup.example.org:8000/', 'example.org'],
])('%s depends on %s', (url, provider) => {
  expect(providerOf(url)).toBe(provider);
});
