/** The program's version; a test holds it equal to package.json's, so that start-up need not read that file. */
export const version = '0.1.0';
