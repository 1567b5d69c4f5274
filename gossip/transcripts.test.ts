/**
 * One transcript per rule of membership: `testdata/*.txt` holds commands, `----`, and all that the
 * members observed, sent or hold. With `REWRITE=1` in the environment the files are rewritten.
 */
import { testTranscripts } from '../sim/testing/transcript.ts';
import { SwimScript } from './testing/swim-script.ts';

testTranscripts(new URL('./testdata/', import.meta.url), () => new SwimScript());
