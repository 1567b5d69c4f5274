/**
 * Runs before each test file: property tests draw the same examples every time, so that a red run
 * can be repeated. `npm run test:long` draws new ones.
 */
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_260_101 });
