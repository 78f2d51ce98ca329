// Run before each test file; what is imported, once a process.
import './equality.js';
